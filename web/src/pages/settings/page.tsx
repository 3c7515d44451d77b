import { useNavigate, useSearch } from "@tanstack/react-router";
import { Grid, Select, Tabs } from "antd";
import { useText } from "../../app/preferences";
import { useProjectRole, useSession } from "../../app/session";
import { Page } from "../../components/page";
import { Audit } from "./audit";
import { Keys } from "./keys";
import { Notifications } from "./notifications";
import { Profile } from "./profile";
import { Projects } from "./projects";
import { text } from "./text";
import { Tokens } from "./tokens";
import { Users } from "./users";

/** One's own account; for admins also users, projects and the audit log. */
export function SettingsPage() {
  const t = useText(text);
  const { admin } = useSession();
  const manages = useProjectRole() === "admin";
  const { tab = "profile" } = useSearch({ from: "/settings" });
  const navigate = useNavigate({ from: "/settings" });
  const narrow = !Grid.useBreakpoint().md;
  const places = [
    { key: "profile", label: t.profile, children: <Profile /> },
    { key: "tokens", label: t.tokens, children: <Tokens /> },
    { key: "keys", label: t.keys, children: <Keys /> },
    { key: "notifications", label: t.notifications, children: <Notifications /> },
    { key: "projects", label: t.projects, children: <Projects /> },
    ...(admin ? [{ key: "users", label: t.users, children: <Users /> }] : []),
    ...(manages ? [{ key: "audit", label: t.audit, children: <Audit /> }] : []),
  ];
  const open = (next: string) => void navigate({ search: { tab: next } });
  return (
    <Page title={t.title}>
      {narrow ? (
        <>
          <Select
            aria-label={t.title}
            value={tab}
            onChange={open}
            options={places.map((place) => ({ value: place.key, label: place.label }))}
            style={{ width: "100%", marginBottom: 16 }}
          />
          {places.find((place) => place.key === tab)?.children}
        </>
      ) : (
        <Tabs activeKey={tab} onChange={open} destroyOnHidden items={places} />
      )}
    </Page>
  );
}
