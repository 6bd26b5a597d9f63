import { useState } from "react";
import { Route, Routes, useNavigate } from "react-router";
import { Base } from "./base";
import { Create } from "./create";
import type { Chosen } from "./files";
import { List } from "./list";
import { RunPage } from "./run-view";

/** Knowledge bases: made, filled, synced, asked. */
export default function KnowledgeBases() {
  const navigate = useNavigate();
  // Files that were dropped on the list are on the form that follows.
  const [dropped, setDropped] = useState<readonly Chosen[]>([]);
  const take = (chosen: Chosen[]) => {
    setDropped(chosen);
    void navigate("/knowledge-bases/create");
  };
  return (
    <Routes>
      <Route index element={<List onDropped={take} />} />
      <Route path="create" element={<Create dropped={dropped} />} />
      <Route path="runs/:run" element={<RunPage />} />
      <Route path=":id/*" element={<Base />} />
    </Routes>
  );
}
