// Content types by file name, for the parts of a form. The extensions that uploads have; mime-db's
// thousands would cost every image 200 KB.

const TYPES = {
  "application/gzip": "gz",
  "application/json": "json map",
  "application/msword": "doc dot",
  "application/octet-stream": "bin exe dll dmg iso img",
  "application/pdf": "pdf",
  "application/rtf": "rtf",
  "application/vnd.ms-excel": "xls xlt",
  "application/vnd.ms-powerpoint": "ppt pps",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
  "application/javascript": "js mjs",
  "application/wasm": "wasm",
  "application/x-7z-compressed": "7z",
  "application/x-tar": "tar",
  "application/xml": "xml xsl xsd",
  "application/zip": "zip",
  "audio/mpeg": "mp3 mpga",
  "audio/ogg": "ogg oga",
  "audio/x-wav": "wav",
  "font/woff": "woff",
  "font/woff2": "woff2",
  "image/bmp": "bmp",
  "image/gif": "gif",
  "image/jpeg": "jpeg jpg jpe",
  "image/png": "png",
  "image/svg+xml": "svg svgz",
  "image/tiff": "tif tiff",
  "image/webp": "webp",
  "image/x-icon": "ico",
  "text/calendar": "ics ifb",
  "text/css": "css",
  "text/csv": "csv",
  "text/html": "html htm shtml",
  "text/markdown": "md markdown",
  "text/plain": "txt text conf def list log in ini",
  "text/tab-separated-values": "tsv",
  "text/vcard": "vcard",
  "text/yaml": "yaml yml",
  "video/mp4": "mp4 mp4v mpg4",
  "video/mpeg": "mpeg mpg mpe",
  "video/quicktime": "qt mov",
  "video/webm": "webm",
};

/** The content type that goes with a file's name, or undefined. */
export function mimeType(name) {
  const extension = /(?:^|[./\\])([^./\\]+)$/.exec(name.toLowerCase())?.[1];
  if (extension === undefined) return undefined;
  for (const type in TYPES) if (TYPES[type].split(" ").includes(extension)) return type;
  return undefined;
}
