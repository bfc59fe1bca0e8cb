// A worker that ticks while it is told to: its timers go on where those of a page in the background are slowed down.
let timer = 0;
onmessage = ({ data: runs }) => {
  clearInterval(timer);
  timer = runs ? setInterval(() => postMessage(0), 25) : 0;
};
