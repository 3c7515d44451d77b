const en = {
  uploadFolder: "Upload a folder",
  uploadFiles: "Upload files",
  sending: (files: number, size: string) => `Sending ${files === 1 ? "1 file" : `${files} files`} (${size})`,
  sent: (files: number, size: string, leftOut: number) =>
    `${files === 1 ? "1 file" : `${files} files`} (${size}) uploaded${leftOut ? `; ${leftOut} left out (caches, .git and the like)` : ""}.`,
  nothingToSend: "There is no code among these files. Choose the folder that holds your script.",
};

const zh: typeof en = {
  uploadFolder: "上传文件夹",
  uploadFiles: "上传文件",
  sending: (files, size) => `正在上传 ${files} 个文件（${size}）`,
  sent: (files, size, leftOut) =>
    `已上传 ${files} 个文件（${size}）${leftOut ? `，忽略了 ${leftOut} 个缓存、.git 等文件` : ""}。`,
  nothingToSend: "所选文件中没有代码，请选择包含脚本的文件夹。",
};

export const text = { en, zh };
