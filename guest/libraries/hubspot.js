import * as hubspot from "@hubspot/api-client";

export default { hubspot };
