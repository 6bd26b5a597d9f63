import { Route, Routes } from "react-router";
import { LocalModelPage } from "./detail";
import { LocalList } from "./list";

/** The models that the engine inside runs. */
export default function LocalModelsPage() {
  return (
    <Routes>
      <Route index element={<LocalList />} />
      <Route path=":name" element={<LocalModelPage />} />
    </Routes>
  );
}
