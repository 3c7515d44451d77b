/** A code directory's keys as a tree of folders and files. */
export interface TreeNode {
  key: string;
  title: string;
  isLeaf: boolean;
  children?: TreeNode[];
}

export function treeOf(keys: string[]): TreeNode[] {
  const roots: TreeNode[] = [];
  const folders = new Map<string, TreeNode[]>([["", roots]]);
  for (const key of keys) {
    const parts = key.split("/").filter(Boolean);
    let path = "";
    parts.forEach((title, depth) => {
      const siblings = folders.get(path) ?? roots;
      path += depth === parts.length - 1 && !key.endsWith("/") ? title : `${title}/`;
      if (path.endsWith("/") && !folders.has(path)) {
        const children: TreeNode[] = [];
        folders.set(path, children);
        siblings.push({ key: path, title, isLeaf: false, children });
      } else if (!path.endsWith("/")) siblings.push({ key: path, title, isLeaf: true });
    });
  }
  for (const children of folders.values()) {
    children.sort((a, b) => Number(a.isLeaf) - Number(b.isLeaf) || a.title.localeCompare(b.title));
  }
  return roots;
}
