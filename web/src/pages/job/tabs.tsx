import { useNavigate, useSearch } from "@tanstack/react-router";
import { Skeleton, Tabs } from "antd";
import { lazy, Suspense, type ReactNode } from "react";
import { isFinished, type Job } from "../../api/types";
import { useMessages } from "../../app/preferences";
import { shownTab, tabsOf, type TabName } from "./shown-tab";

const DiagnosisTab = lazy(() => import("../job-tabs/diagnosis").then((m) => ({ default: m.DiagnosisTab })));
const LogsTab = lazy(() => import("../job-tabs/logs").then((m) => ({ default: m.LogsTab })));
const EventsTab = lazy(() => import("../job-tabs/events").then((m) => ({ default: m.EventsTab })));
const ResourcesTab = lazy(() => import("../job-tabs/resources").then((m) => ({ default: m.ResourcesTab })));
const MetricsTab = lazy(() => import("../job-tabs/metrics").then((m) => ({ default: m.MetricsTab })));
const OutputsTab = lazy(() => import("../job-tabs/outputs").then((m) => ({ default: m.OutputsTab })));
const ConfigurationTab = lazy(() => import("../job-tabs/configuration").then((m) => ({ default: m.ConfigurationTab })));
const RestartsTab = lazy(() => import("../job-tabs/restarts").then((m) => ({ default: m.RestartsTab })));
const StacksTab = lazy(() => import("../job-tabs/stacks").then((m) => ({ default: m.StacksTab })));

export interface TabProps {
  job: Job;
  live: boolean;
}

/** The tabs; which one is open is in the address. */
export function JobTabs({ job }: { job: Job }) {
  const t = useMessages();
  const search = useSearch({ from: "/jobs/$jobId" });
  const navigate = useNavigate({ from: "/jobs/$jobId" });
  const props: TabProps = { job, live: !isFinished(job.status.phase) };
  const content: Record<TabName, ReactNode> = {
    diagnosis: <DiagnosisTab {...props} attempt={search.attempt} />,
    logs: <LogsTab {...props} search={search} />,
    events: <EventsTab {...props} />,
    metrics: <MetricsTab {...props} />,
    resources: <ResourcesTab {...props} />,
    outputs: <OutputsTab {...props} />,
    stacks: <StacksTab {...props} attempt={search.attempt} />,
    configuration: <ConfigurationTab {...props} />,
    restarts: <RestartsTab {...props} />,
  };
  return (
    <Tabs
      activeKey={shownTab(job, search.tab)}
      onChange={(key) => void navigate({ search: { tab: key } })}
      destroyOnHidden
      items={tabsOf(job).map((key) => ({
        key,
        label: t.job[key],
        children: <Suspense fallback={<Skeleton active />}>{content[key]}</Suspense>,
      }))}
    />
  );
}
