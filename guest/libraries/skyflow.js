import * as skyflow from "skyflow-node";

export default { skyflow };
