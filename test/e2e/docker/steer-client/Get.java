import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

class Get {
  public static void main(String[] arguments) throws Exception {
    var request = HttpRequest.newBuilder(URI.create(arguments[0])).build();
    var response = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
    System.out.print(response.statusCode() + " " + response.body());
  }
}
