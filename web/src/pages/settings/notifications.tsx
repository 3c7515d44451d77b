import { Flex, Tag } from "antd";
import { usePreferences, useText } from "../../app/preferences";
import { useProjectId, useProjectRole } from "../../app/session";
import { MemberOnly } from "../../components/member-only";
import { useList, type Schemas } from "./api";
import { Deliveries } from "./deliveries";
import { FormButton } from "./form-button";
import { NotificationFields } from "./notification-form";
import { Act, ListTable, Remove } from "./parts";
import { text } from "./text";

type Notification = Schemas["NotificationModel"];
type Update = Schemas["NotificationUpdate"];

/** Who is told of what happens to jobs, and how. */
export function Notifications() {
  const t = useText(text);
  const { language } = usePreferences();
  const admin = useProjectRole() === "admin";
  const path = `/v2/${useProjectId()}/notifications`;
  return (
    <>
      <MemberOnly>
        <FormButton<Schemas["NewNotification"], Schemas["NotificationRequest"]>
        label={t.newNotification}
        path={path}
        initial={{ name: "", kind: "webhook", address: "", events: ["job.failed", "job.hang"], secret: "", language, mine: !admin, enabled: true }}
        secrets={(made) => [[t.signature, made.secret]]}
      >
          <NotificationFields />
        </FormButton>
      </MemberOnly>
      <ListTable<Notification>
        query={useList(path)}
        rowKey="id"
        empty={t.noNotifications}
        columns={[
          {
            title: t.name,
            key: "name",
            render: (_, one) => (
              <>
                {one.name} {!one.enabled && <Tag>{t.disabled}</Tag>} {one.mine && <Tag>{t.ofOnesOwn(one.user_name)}</Tag>}
              </>
            ),
          },
          { title: t.kind, key: "kind", render: (_, one) => t.kinds[one.kind] },
          { title: t.address, dataIndex: "address", className: "mono" },
          { title: t.events, key: "events", render: (_, one) => one.events.map((event) => <Tag key={event}>{t.eventNames[event]}</Tag>) },
          { key: "actions", align: "right", render: (_, one) => <Actions one={one} path={`${path}/${one.id}`} /> },
        ]}
      />
    </>
  );
}

function Actions({ one, path }: { one: Notification; path: string }) {
  const t = useText(text);
  return (
    <Flex gap={8} justify="end">
      <MemberOnly>
      <Act label={t.test} name={one.name} done={t.tested} change={{ method: "POST", path: `${path}/test` }} />
      <Deliveries name={one.name} path={path} />
      <FormButton<Notification, Update>
        small
        label={t.edit}
        title={t.editTitle(one.name)}
        send={t.save}
        method="PUT"
        path={path}
        initial={{ name: one.name, events: one.events, language: one.language, mine: one.mine, address: "", secret: "" }}
        body={({ address, secret, ...others }) => ({ ...others, ...(address ? { address } : {}), ...(secret ? { secret } : {}) })}
      >
        <NotificationFields there={one} />
      </FormButton>
      <Act
        label={one.enabled ? t.disable : t.enable}
        name={one.name}
        change={{ method: "PUT", path, body: { enabled: !one.enabled } }}
      />
      <Remove name={one.name} path={path} />
      </MemberOnly>
    </Flex>
  );
}
