import type { ConfigProviderProps } from "antd";
import { en, type Messages } from "../locales/en";
import type { Language } from "./preferences";

/** All words of one language: ours, and those of antd (which has its English built in). */
export interface Words {
  language: Language;
  messages: Messages;
  antd?: NonNullable<ConfigProviderProps["locale"]>;
}

const english: Words = { language: "en", messages: en };

/** Fetches the words of a language; only who reads Chinese loads the Chinese ones. */
export async function loadWords(language: Language): Promise<Words> {
  if (language === "en") return english;
  const [ours, theirs] = await Promise.all([import("../locales/zh"), import("antd/locale/zh_CN")]);
  return { language, messages: ours.zh, antd: theirs.default };
}
