import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/app";
import { loadWords } from "./app/language";
import { paintedLanguage } from "./app/preferences";
import { giveStylesTheirNonce } from "./app/style-nonce";
import "./style.css";

giveStylesTheirNonce();

const root = document.getElementById("root");
if (!root) throw new Error("no #root in the page");
const page = createRoot(root);
void loadWords(paintedLanguage()).then((words) =>
  page.render(
    <StrictMode>
      <App words={words} />
    </StrictMode>,
  ),
);
