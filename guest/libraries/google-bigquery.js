import * as bigquery from "@google-cloud/bigquery";

export default bigquery;
