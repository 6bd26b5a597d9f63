import { expect, test } from "vitest";
import { together } from "./terms";
import { decode, encode, noUseCase, wrong } from "./use-case";

test("terms that are the same are shown once, others by themselves", () => {
  const terms = (id: string, text: string) => ({ id, token: id, text });
  expect(
    together([
      terms("a", "Terms for the model a\n\nModel: A\n\nOne.\n\nTwo.\n"),
      terms("b", "Terms for the model b\n\nModel: B\n\nOne.\n\nTwo.\n"),
      terms("c", "A text of another form"),
    ]),
  ).toEqual([
    {
      text: "One.\n\nTwo.",
      of: [
        { id: "a", facts: "Model: A" },
        { id: "b", facts: "Model: B" },
      ],
    },
    { text: "A text of another form", of: [{ id: "c", facts: "" }] },
  ]);
});

test("a form that was submitted elsewhere is read as far as it is known", () => {
  const form = { ...noUseCase, companyName: "Größe", useCases: "日本" };
  expect(decode(encode(form))).toEqual(form);
  expect(decode(btoa('{"companyName":5,"useCases":"x"}'))).toEqual({ ...noUseCase, useCases: "x" });
  expect(decode(btoa("free text"))).toBeUndefined();
});

test("a form that is too long is refused before it is sent", () => {
  const form = { ...noUseCase, companyName: "a", companyWebsite: "https://a.com", industryOption: "Other" };
  expect(wrong({ ...form, otherIndustryOption: "b", useCases: "c" })).toEqual({});
  expect(wrong({ ...form, useCases: "ü".repeat(9000) })).toEqual({
    otherIndustryOption: "Enter the industry.",
    useCases: "The form is longer than 16,384 bytes. Say it shorter.",
  });
});
