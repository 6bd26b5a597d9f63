import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, test } from "vitest";
import { JsonEditor } from "./json-editor";

function Editor({ start }: { start: string }) {
  const [value, setValue] = useState(start);
  const check = (parsed: unknown) => (Array.isArray(parsed) ? undefined : "It must be a list.");
  return <JsonEditor label="Policy" value={value} onChange={setValue} check={check} />;
}

test("an editor says what is wrong, and formats what is right", async () => {
  const user = userEvent.setup();
  render(<Editor start="{}" />);
  const field = screen.getByLabelText("Policy");
  expect(screen.getByText("It must be a list.")).toBeVisible();
  expect(field).toHaveAttribute("aria-invalid", "true");
  await user.clear(field);
  await user.type(field, "[[1]");
  expect(field).toHaveAttribute("aria-invalid", "false");
  await user.click(screen.getByRole("button", { name: "Format" }));
  expect(field).toHaveValue("[\n  1\n]");
});
