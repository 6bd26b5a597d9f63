import Button from "@cloudscape-design/components/button";
import { useNavigate } from "react-router";
import { Empty } from "@/components/empty";
import { Page } from "@/components/page";

export function NotFound() {
  const navigate = useNavigate();
  return (
    <Page title="There is no such page">
      <Empty
        title="Nothing is at this address"
        action={<Button onClick={() => void navigate("/")}>Go to the overview</Button>}
      >
        The address may be wrong, or the page is not for those who sign in as you did.
      </Empty>
    </Page>
  );
}
