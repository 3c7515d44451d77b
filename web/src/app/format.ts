/** Text for numbers and times, the same on every page. */

export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `1:02:03`, `2:05`, `4.2 s` or `8 ms`. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds / 1000);
  if (seconds === 0) return "0 s";
  if (milliseconds > 0 && milliseconds < 100) return `${Math.max(1, Math.round(milliseconds))} ms`;
  if (seconds < 60) return seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds)} s`;
  const whole = Math.floor(seconds);
  const two = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

const FORMATS = {
  en: new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" }),
  zh: new Intl.DateTimeFormat("zh-CN", {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  }),
};

/** A time in the browser's own zone and the person's language. */
export function formatTime(milliseconds: number | undefined, language: string): string {
  if (!milliseconds) return "–";
  return FORMATS[language === "zh" ? "zh" : "en"].format(milliseconds);
}
