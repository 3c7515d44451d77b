import bash from "highlight.js/lib/languages/bash";
import cpp from "highlight.js/lib/languages/cpp";
import ini from "highlight.js/lib/languages/ini";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import markdown from "highlight.js/lib/languages/markdown";
import python from "highlight.js/lib/languages/python";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import type { RootContent } from "hast";
import { createLowlight } from "lowlight";
import { useMemo, type ReactNode } from "react";
import { grammarOf } from "./kinds";

const lowlight = createLowlight({ bash, cpp, ini, javascript, json, markdown, python, xml, yaml });
const TOO_LONG_TO_COLOUR = 200_000;

/** Source text with colours and line numbers. The grammar gives a tree, never HTML. */
export function Code({ source, name }: { source: string; name: string }) {
  const grammar = grammarOf(name);
  const content = useMemo(
    () =>
      grammar && source.length <= TOO_LONG_TO_COLOUR ? nodes(lowlight.highlight(grammar, source).children) : source,
    [grammar, source],
  );
  const lines = source.split("\n").length - (source.endsWith("\n") ? 1 : 0);
  const numbers = Array.from({ length: Math.max(1, lines) }, (_, index) => index + 1).join("\n");
  return (
    <div className="code mono" tabIndex={0} role="region" aria-label={name}>
      <pre aria-hidden className="code-numbers">
        {numbers}
      </pre>
      <pre className="code-text">{content}</pre>
    </div>
  );
}

function nodes(children: RootContent[]): ReactNode[] {
  return children.map((child, index) => {
    if (child.type === "text") return child.value;
    if (child.type !== "element") return null;
    const classes = child.properties.className;
    return (
      <span key={index} className={Array.isArray(classes) ? classes.join(" ") : ""}>
        {nodes(child.children)}
      </span>
    );
  });
}
