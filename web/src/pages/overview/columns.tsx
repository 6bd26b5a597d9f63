import Badge from "@cloudscape-design/components/badge";
import type { Column } from "@/components";
import type { Server } from "@/api/outcrop.gen";

export const assignmentColumns: readonly Column<Server["assignments"][number]>[] = [
  { id: "models", header: "Models", cell: (a) => a.models, value: (a) => a.models, main: true },
  { id: "servedBy", header: "Answered by", cell: (a) => a.servedBy, value: (a) => a.servedBy },
  {
    id: "standIn",
    header: "Stand-in",
    cell: (a) => (a.standIn ? <Badge color="blue">Stand-in</Badge> : "No"),
    value: (a) => (a.standIn ? "Stand-in" : "No"),
  },
];
