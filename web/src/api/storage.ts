import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useProjectId } from "../app/session";
import { getJson, sendJson, url } from "./http";
import type { components } from "./schema";
import { upload, type OnProgress } from "./upload";

type Schemas = components["schemas"];

export type Bucket = Schemas["BucketModel"];
export type StoredObject = Schemas["ObjectModel"];
export type SentCode = Schemas["CodeModel"];
export type NewBucket = Partial<Schemas["BucketRequest"]> & { name: string; kind: string };

const PAGE = 1000;

export function useBuckets() {
  const projectId = useProjectId();
  return useQuery({
    queryKey: ["buckets"],
    queryFn: ({ signal }) => getJson<Schemas["BucketList"]>(`/v2/${projectId}/buckets`, {}, signal),
  });
}

export function useBucketActions() {
  const projectId = useProjectId();
  const client = useQueryClient();
  const path = (name: string) => `/v2/${projectId}/buckets/${encodeURIComponent(name)}`;
  const onSettled = () => client.invalidateQueries({ queryKey: ["buckets"] });
  return {
    create: useMutation({
      mutationFn: (bucket: NewBucket) => sendJson<Bucket>("POST", `/v2/${projectId}/buckets`, bucket),
      onSettled,
    }),
    test: useMutation({ mutationFn: (name: string) => sendJson("POST", `${path(name)}/test`) }),
    changeKeys: useMutation({
      mutationFn: ({ name, ...keys }: { name: string; access_key: string; secret_key: string }) =>
        sendJson("PUT", `${path(name)}/keys`, keys),
    }),
    remove: useMutation({ mutationFn: (name: string) => sendJson("DELETE", path(name)), onSettled }),
  };
}

/** What lies directly in a folder of a bucket, a page at a time. */
export function useFolder(uri: string) {
  const projectId = useProjectId();
  return useInfiniteQuery({
    queryKey: ["objects", uri],
    enabled: uri !== "",
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      getJson<Schemas["ObjectList"]>(
        `/v2/${projectId}/objects/list`,
        { uri, recursive: false, limit: PAGE, marker: pageParam },
        signal,
      ),
    getNextPageParam: (last) => last.next_marker ?? undefined,
  });
}

/** The files below a folder, at most a thousand of them. */
export function useFilesBelow(uri: string, enabled: boolean) {
  const projectId = useProjectId();
  return useQuery({
    queryKey: ["objects-below", uri],
    enabled: enabled && uri !== "",
    queryFn: ({ signal }) =>
      getJson<Schemas["ObjectList"]>(`/v2/${projectId}/objects/list`, { uri, recursive: true, limit: PAGE }, signal),
  });
}

/** Address from which an object is downloaded. */
export function objectUrl(projectId: string, uri: string): string {
  return url(`/v2/${projectId}/objects`, { uri });
}

export function useStorageActions() {
  const projectId = useProjectId();
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: ["objects"] });
  return {
    put: useMutation({
      mutationFn: ({ uri, body, onProgress }: { uri: string; body: Blob; onProgress?: OnProgress }) =>
        upload<StoredObject>("PUT", objectUrl(projectId, uri), body, onProgress),
      onSettled: refresh,
    }),
    remove: useMutation({
      mutationFn: ({ uri, recursive }: { uri: string; recursive: boolean }) =>
        sendJson("DELETE", url(`/v2/${projectId}/objects`, { uri, recursive })),
      onSettled: refresh,
    }),
    sendCode: useMutation({
      mutationFn: ({ archive, onProgress }: { archive: Blob; onProgress?: OnProgress }) =>
        upload<SentCode>("POST", `/v2/${projectId}/code`, archive, onProgress),
    }),
  };
}
