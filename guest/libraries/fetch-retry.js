import fetchretry from "fetch-retry";

export default { fetchretry };
