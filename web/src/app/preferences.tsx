import { createContext, useContext, useLayoutEffect, useMemo, useState, type ReactNode } from "react";
import type { Messages } from "../locales/en";
import { loadWords, type Words } from "./language";

export type Theme = "light" | "dark";
export type Language = "en" | "zh";

interface Stored {
  theme?: Theme;
  language?: Language;
}

interface Preferences {
  theme: Theme;
  language: Language;
  words: Words;
  setTheme: (theme: Theme) => void;
  setLanguage: (language: Language) => void;
}

const KEY = "trainshed.preferences";
const PreferencesContext = createContext<Preferences | null>(null);

function load(): Stored {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Stored;
  } catch {
    return {};
  }
}

/** What the page was painted with: `before-paint.js` has decided by storage or by the browser. */
export function paintedLanguage(): Language {
  return document.documentElement.lang.startsWith("zh") ? "zh" : "en";
}

function paintedTheme(): Theme {
  return document.documentElement.dataset.theme === "dark" ? "dark" : "light";
}

function keep(change: Stored) {
  localStorage.setItem(KEY, JSON.stringify({ ...load(), ...change }));
}

/**
 * Theme and language for everything below; what a person chose is kept in the browser.
 *
 * `first` are the words that the page begins with: there is none in another language before them.
 */
export function PreferencesProvider({ first, children }: { first: Words; children: ReactNode }) {
  const [theme, setTheme] = useState(paintedTheme);
  const [words, setWords] = useState(first);

  // before any other effect: requests ask for the language that the page has
  useLayoutEffect(() => {
    document.documentElement.dataset.theme = theme;
    document.documentElement.lang = words.language === "zh" ? "zh-CN" : "en";
  }, [theme, words]);

  const value = useMemo<Preferences>(
    () => ({
      theme,
      words,
      language: words.language,
      setTheme: (theme) => {
        keep({ theme });
        setTheme(theme);
      },
      setLanguage: (language) => {
        keep({ language });
        // the page changes once all words are there
        void loadWords(language).then(setWords);
      },
    }),
    [theme, words],
  );

  return <PreferencesContext.Provider value={value}>{children}</PreferencesContext.Provider>;
}

export function usePreferences(): Preferences {
  const preferences = useContext(PreferencesContext);
  if (!preferences) throw new Error("usePreferences outside PreferencesProvider");
  return preferences;
}

/** The messages in the person's language, typed by the English dictionary. */
export function useMessages(): Messages {
  return usePreferences().words.messages;
}

/** A page's own messages, which are loaded with the page: `{ en, zh }` of one shape. */
export function useText<M>(text: Record<Language, M>): M {
  return text[usePreferences().language];
}
