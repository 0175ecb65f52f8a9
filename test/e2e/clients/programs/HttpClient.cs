using System.Net.Http;

// The proxy and its credentials come from the environment, in which HttpClient finds them; `dotnet run` must not, which restores
// packages before this runs. They are sent once the proxy has asked for them.
foreach (var name in new[] { "HTTP_PROXY", "HTTPS_PROXY" })
    Environment.SetEnvironmentVariable(name, Environment.GetEnvironmentVariable("PROXY_OF_THE_PROGRAM"));
using var client = new HttpClient();
foreach (var url in args) Console.WriteLine(await client.GetStringAsync(url));
