// Uploads args[2] octets to args[1] through the proxy args[0], with Expect as HttpClient sends it, and then gets it twice.
using System.Net;

var handler = new SocketsHttpHandler { Proxy = new WebProxy(args[0]), UseProxy = true };
using var client = new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(60) };
client.DefaultRequestHeaders.ExpectContinue = true;
var answer = await client.PostAsync(args[1], new ByteArrayContent(new byte[int.Parse(args[2])]));
Console.WriteLine($"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
