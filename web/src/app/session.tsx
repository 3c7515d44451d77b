import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useMemo, type ReactNode } from "react";
import { ApiError, setCsrf } from "../api/errors";
import { getJson, sendJson } from "../api/http";
import type { components } from "../api/schema";

export type Session = components["schemas"]["Session"];
export type SignIn = { token: string } | { name: string; password: string };

const CURRENT = "/v1/sessions/current";
const SessionContext = createContext<Session | null>(null);

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
  const client = useQueryClient();
  const session = useSession();
  return async () => {
    await fetch(CURRENT, { method: "DELETE", headers: { "X-CSRF-Token": session.csrf } });
    client.setQueryData(["session"], null);
    client.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });
  };
}

export function SessionProvider({ session, children }: { session: Session; children: ReactNode }) {
  const value = useMemo(() => session, [session]);
  return <SessionContext.Provider value={value}>{children}</SessionContext.Provider>;
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useSession outside SessionProvider");
  return session;
}

/** The project that the pages show: the first one, until there is a choice of several. */
export function useProjectId(): string {
  return useSession().projects[0]?.id ?? "";
}

/** What the person is in that project: `admin`, or less. */
export function useProjectRole(): string {
  const session = useSession();
  return session.admin ? "admin" : (session.projects[0]?.role ?? "");
}
