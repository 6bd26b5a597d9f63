import { Route, Routes } from "react-router";
import { CatalogModelPage } from "./detail";
import { CatalogList } from "./list";

/** The models that can be asked for, and everything that is known of each. */
export default function ModelCatalog() {
  return (
    <Routes>
      <Route index element={<CatalogList />} />
      <Route path="*" element={<CatalogModelPage />} />
    </Routes>
  );
}
