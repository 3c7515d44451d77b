/** A run of text with one look. Colours are class names, never markup from the log. */
export interface Span {
  text: string;
  className: string;
}

interface Look {
  bold: boolean;
  dim: boolean;
  underline: boolean;
  colour: string;
}

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
// CSI sequences, OSC sequences (titles, links), other escapes, and control characters but tab.
// eslint-disable-next-line no-control-regex
const ESCAPES = /\x1b\[([0-9;:?]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-_]?|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]/g;

/**
 * Split one line into spans by its colour sequences (ECMA-48 SGR: bold, dim, underline, the
 * sixteen colours); every other control sequence is dropped. A carriage return inside the line
 * starts it anew, as progress bars mean it to.
 */
export function parseAnsi(line: string): Span[] {
  const shown = lastRedraw(line);
  const spans: Span[] = [];
  let look: Look = { bold: false, dim: false, underline: false, colour: "" };
  let from = 0;
  for (const match of shown.matchAll(ESCAPES)) {
    push(spans, shown.slice(from, match.index), look);
    from = match.index + match[0].length;
    if (match[2] === "m") look = applySgr(look, match[1] ?? "");
  }
  push(spans, shown.slice(from), look);
  return spans;
}

function lastRedraw(line: string): string {
  const trimmed = line.endsWith("\r") ? line.slice(0, -1) : line;
  return trimmed.slice(trimmed.lastIndexOf("\r") + 1);
}

function push(spans: Span[], text: string, look: Look): void {
  if (!text) return;
  const names = [look.bold && "ansi-bold", look.dim && "ansi-dim", look.underline && "ansi-underline", look.colour];
  const className = names.filter(Boolean).join(" ");
  const last = spans[spans.length - 1];
  if (last && last.className === className) last.text += text;
  else spans.push({ text, className });
}

function applySgr(before: Look, parameters: string): Look {
  const codes = parameters === "" ? [0] : parameters.split(/[;:]/).map(Number);
  let look = { ...before };
  for (let i = 0; i < codes.length; i += 1) {
    const code = codes[i] ?? 0;
    if (code === 38 || code === 48) {
      i += codes[i + 1] === 2 ? 4 : 2; // 256-colour and true-colour are shown in the text's colour
      continue;
    }
    look = applyCode(look, code);
  }
  return look;
}

function applyCode(look: Look, code: number): Look {
  if (code === 0) return { bold: false, dim: false, underline: false, colour: "" };
  if (code === 1) return { ...look, bold: true };
  if (code === 2) return { ...look, dim: true };
  if (code === 4) return { ...look, underline: true };
  if (code === 22) return { ...look, bold: false, dim: false };
  if (code === 24) return { ...look, underline: false };
  if (code === 39) return { ...look, colour: "" };
  if (code >= 30 && code <= 37) return { ...look, colour: `ansi-${NAMES[code - 30]}` };
  if (code >= 90 && code <= 97) return { ...look, colour: `ansi-${NAMES[code - 90]}` };
  return look;
}
