for (const url of process.argv.slice(2)) {
  const answer = await fetch(url);
  console.log(answer.status, await answer.text());
}
