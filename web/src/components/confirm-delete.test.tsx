import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { ConfirmDelete } from "./confirm-delete";

test("what cannot be had again takes its word", async () => {
  const user = userEvent.setup();
  const confirm = vi.fn();
  render(
    <ConfirmDelete visible what="user alice" word="alice" onConfirm={confirm} onCancel={() => undefined}>
      Her keys go too.
    </ConfirmDelete>,
  );
  const button = screen.getByRole("button", { name: "Delete" });
  expect(button).toBeDisabled();
  await user.type(screen.getByRole("textbox"), "alic");
  expect(button).toBeDisabled();
  await user.type(screen.getByRole("textbox"), "e");
  await user.click(button);
  expect(confirm).toHaveBeenCalledOnce();
});
