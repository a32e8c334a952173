import jsforce from "jsforce";

// Topics and channels are heard over an answer that stays open longer than any invocation.
function refuse() {
  throw new Error("streaming: functions cannot wait for messages, an invocation ends before they come");
}

jsforce.on("connection:new", (connection) => {
  connection.streaming._createClient = refuse;
});

export default jsforce;
