import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useMemo, useState, type ReactNode } from "react";
import { ApiError, setCsrf } from "../api/errors";
import { getJson, sendJson } from "../api/http";
import type { components } from "../api/schema";

export type Session = components["schemas"]["Session"];
export type SignIn = { token: string } | { name: string; password: string };

const CURRENT = "/v1/sessions/current";
const PROJECT = "trainshed.project";
const SessionContext = createContext<Session | null>(null);
const ProjectContext = createContext<{ chosen: string; choose: (id: string) => void }>({ chosen: "", choose: () => {} });

/** A session as the service gives it; its CSRF token goes with every later change. */
async function keep(answer: Promise<Session>): Promise<Session> {
  const session = await answer;
  setCsrf(session.csrf);
  return session;
}

/** Who is signed in; null where nobody is. Tried again by itself while the service is away. */
export function useSessionQuery() {
  return useQuery({
    queryKey: ["session"],
    queryFn: () =>
      keep(getJson<Session>(CURRENT)).catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 401) return null;
        throw error;
      }),
    staleTime: Infinity,
    retry: true,
    retryDelay: 1000,
  });
}

export function useSignIn() {
  const client = useQueryClient();
  return async (body: SignIn) => {
    const session = await keep(sendJson<Session>("POST", "/v1/sessions", body));
    client.setQueryData(["session"], session);
  };
}

export function useSignOut() {
  const session = useSession();
  const ended = useSessionEnded();
  return async () => {
    await fetch(CURRENT, { method: "DELETE", headers: { "X-CSRF-Token": session.csrf } });
    ended();
  };
}

/** Shows the sign-in page: the session is over, whoever ended it. */
export function useSessionEnded() {
  const client = useQueryClient();
  return () => {
    client.setQueryData(["session"], null);
    client.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });
  };
}

/** Who is signed in, and the project that the pages show, which the browser keeps. */
export function SessionProvider({ session, children }: { session: Session; children: ReactNode }) {
  const [chosen, setChosen] = useState(() => localStorage.getItem(PROJECT) ?? "");
  const value = useMemo(
    () => ({
      chosen,
      choose: (id: string) => {
        localStorage.setItem(PROJECT, id);
        setChosen(id);
      },
    }),
    [chosen],
  );
  return (
    <SessionContext.Provider value={session}>
      <ProjectContext.Provider value={value}>{children}</ProjectContext.Provider>
    </SessionContext.Provider>
  );
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useSession outside SessionProvider");
  return session;
}

/** The project that the pages show, the first one until another is chosen; and the way to choose. */
export function useProject() {
  const { projects } = useSession();
  const { chosen, choose } = useContext(ProjectContext);
  return { project: projects.find((one) => one.id === chosen) ?? projects[0], choose };
}

export function useProjectId(): string {
  return useProject().project?.id ?? "";
}

/** Whether the person may change what is in that project, or only look. */
export function useMayChange(): boolean {
  return useProjectRole() !== "viewer";
}

/** What the person is in that project: `admin`, or less. */
export function useProjectRole(): string {
  const { project } = useProject();
  return useSession().admin ? "admin" : (project?.role ?? "");
}
