import * as tasks from "@google-cloud/tasks";

export default tasks;
