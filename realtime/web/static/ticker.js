// A worker that ticks: its timers go on where those of a page in the background are slowed down.
setInterval(() => postMessage(0), 25);
