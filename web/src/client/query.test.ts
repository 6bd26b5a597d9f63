import { describe, expect, test } from "vitest";
import type { Table } from "@/api/types";
import { formEncode, readResult } from "./query";

test("an input becomes a form", () => {
  const form = formEncode("CreateUser", "2010-05-08", {
    UserName: "alice & bob",
    Path: undefined,
    MaxItems: 5,
    Force: true,
    Tags: [
      { Key: "a", Value: "1" },
      { Key: "b", Value: "" },
    ],
    Names: ["x", "y"],
    None: [],
  });
  expect(Object.fromEntries(new URLSearchParams(form))).toEqual({
    Action: "CreateUser",
    Version: "2010-05-08",
    UserName: "alice & bob",
    MaxItems: "5",
    Force: "true",
    "Tags.member.1.Key": "a",
    "Tags.member.1.Value": "1",
    "Tags.member.2.Key": "b",
    "Tags.member.2.Value": "",
    "Names.member.1": "x",
    "Names.member.2": "y",
    None: "",
  });
});

const user: Table = { UserName: "s", "Tags!": ["member", { Key: "s" }], Active: "b", Count: "n", Nested: { A: "s" } };
const list: Table = { "Users!": ["member", user], IsTruncated: "b", SummaryMap: ["entry", "key", "value", "n"] };
const answer = (inner: string) =>
  `<?xml version="1.0"?><ListResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListResult>${inner}</ListResult>` +
  "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></ListResponse>";

describe("an answer is read", () => {
  const cases: { name: string; xml: string; want: object }[] = [
    { name: "empty", xml: "", want: { Users: [] } },
    {
      name: "with all kinds of members",
      xml:
        "<Users><member><UserName>a &amp; b</UserName><Active>true</Active><Count>12</Count><Nested><A>x</A><B>y</B></Nested></member>" +
        "<member><UserName></UserName><Tags><member><Key>k</Key></member></Tags></member></Users><IsTruncated>false</IsTruncated>",
      want: {
        Users: [
          { UserName: "a & b", Tags: [], Active: true, Count: 12, Nested: { A: "x" } },
          { UserName: "", Tags: [{ Key: "k" }] },
        ],
        IsTruncated: false,
      },
    },
    {
      name: "with a map",
      xml: "<SummaryMap><entry><key>Users</key><value>3</value></entry><entry><key>Roles</key><value>0</value></entry></SummaryMap>",
      want: { Users: [], SummaryMap: { Users: 3, Roles: 0 } },
    },
  ];
  test.each(cases)("$name", ({ xml, want }) => {
    expect(readResult(answer(xml), "ListResult", list)).toEqual(want);
  });
  test("without a result", () => {
    expect(readResult("<DeleteUserResponse><ResponseMetadata/></DeleteUserResponse>", undefined, {})).toEqual({});
  });
});
