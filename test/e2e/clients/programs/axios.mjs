import axios from 'axios';

for (const url of process.argv.slice(2)) {
  const answer = await axios.get(url);
  console.log(answer.status, answer.data);
}
