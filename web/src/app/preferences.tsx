import { createContext, useContext, useLayoutEffect, useMemo, useState, type ReactNode } from "react";
import { en, type Messages } from "../locales/en";
import { zh } from "../locales/zh";

export type Theme = "light" | "dark";
export type Language = "en" | "zh";

interface Stored {
  theme?: Theme;
  language?: Language;
}

interface Preferences {
  theme: Theme;
  language: Language;
  messages: Messages;
  setTheme: (theme: Theme) => void;
  setLanguage: (language: Language) => void;
}

const KEY = "trainshed.preferences";
const DICTIONARIES: Record<Language, Messages> = { en, zh };
const PreferencesContext = createContext<Preferences | null>(null);

function load(): Stored {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Stored;
  } catch {
    return {};
  }
}

/** What the page was painted with: `before-paint.js` has decided by storage or by the browser. */
function initial(): Required<Stored> {
  const root = document.documentElement;
  return {
    theme: root.dataset.theme === "dark" ? "dark" : "light",
    language: root.lang.startsWith("zh") ? "zh" : "en",
  };
}

/** Theme and language for everything below; what a person chose is kept in the browser. */
export function PreferencesProvider({ children }: { children: ReactNode }) {
  const [chosen, setChosen] = useState<Required<Stored>>(initial);

  // before any other effect: requests ask for the language that the page has
  useLayoutEffect(() => {
    document.documentElement.dataset.theme = chosen.theme;
    document.documentElement.lang = chosen.language === "zh" ? "zh-CN" : "en";
  }, [chosen]);

  const value = useMemo<Preferences>(() => {
    const choose = (change: Stored) => {
      localStorage.setItem(KEY, JSON.stringify({ ...load(), ...change }));
      setChosen((before) => ({ ...before, ...change }));
    };
    return {
      ...chosen,
      messages: DICTIONARIES[chosen.language],
      setTheme: (theme) => choose({ theme }),
      setLanguage: (language) => choose({ language }),
    };
  }, [chosen]);

  return <PreferencesContext.Provider value={value}>{children}</PreferencesContext.Provider>;
}

export function usePreferences(): Preferences {
  const preferences = useContext(PreferencesContext);
  if (!preferences) throw new Error("usePreferences outside PreferencesProvider");
  return preferences;
}

/** The messages in the person's language, typed by the English dictionary. */
export function useMessages(): Messages {
  return usePreferences().messages;
}

/** A page's own messages, which are loaded with the page: `{ en, zh }` of one shape. */
export function useText<M>(text: Record<Language, M>): M {
  return text[usePreferences().language];
}
