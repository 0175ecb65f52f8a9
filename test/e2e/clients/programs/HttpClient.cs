using System.Net.Http;

// The proxy and its credentials come from the environment; they are sent once the proxy has asked for them.
using var client = new HttpClient();
foreach (var url in args) Console.WriteLine(await client.GetStringAsync(url));
