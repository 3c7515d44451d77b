import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/app";
import { giveStylesTheirNonce } from "./app/style-nonce";
import "./style.css";

giveStylesTheirNonce();

const root = document.getElementById("root");
if (!root) throw new Error("no #root in the page");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
