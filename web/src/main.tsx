import "@cloudscape-design/global-styles/index.css";
import "./main.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { takeToken } from "./session/session";
import { provideTokens } from "./shell/tokens";

const token = takeToken(window.location, window.history);
provideTokens(document.body);
const root = document.getElementById("root");
if (!root) throw new Error("the page has no root");
createRoot(root).render(
  <StrictMode>
    <App token={token} />
  </StrictMode>,
);
