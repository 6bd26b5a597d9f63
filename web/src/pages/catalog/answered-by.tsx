import Badge from "@cloudscape-design/components/badge";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { answeredText, nameOfServed, type Answering } from "./served";

/** Who answers for a model, in a cell of a table. */
export function AnsweredBy({ of }: { of: Answering }) {
  const { servedBy } = of;
  const title = answeredText(of);
  if (!servedBy) {
    return (
      <span title={title}>
        <StatusIndicator type="stopped">Nobody</StatusIndicator>
      </span>
    );
  }
  return (
    <span title={title}>
      {servedBy.available ? (
        nameOfServed(servedBy)
      ) : (
        <StatusIndicator type="warning">{nameOfServed(servedBy)}</StatusIndicator>
      )}
      {servedBy.standIn && (
        <>
          {" "}
          <Badge color="blue">Stand-in</Badge>
        </>
      )}
    </span>
  );
}
