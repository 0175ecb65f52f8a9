import java.io.InputStream;
import java.net.Authenticator;
import java.net.HttpURLConnection;
import java.net.PasswordAuthentication;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

/** Both clients of the JDK, with an Authenticator, which they ask once the proxy has asked them. */
class Challenged {
    public static void main(String[] args) throws Exception {
        Authenticator who = new Authenticator() {
            @Override
            protected PasswordAuthentication getPasswordAuthentication() {
                return new PasswordAuthentication(args[1], args[2].toCharArray());
            }
        };
        for (int i = 3; i < args.length; i++) {
            System.out.println(args[0].equals("old") ? old(who, args[i]) : modern(who, args[i]));
        }
    }

    static String modern(Authenticator who, String url) throws Exception {
        HttpClient client = HttpClient.newBuilder().authenticator(who).build();
        return client.send(HttpRequest.newBuilder(URI.create(url)).build(), BodyHandlers.ofString()).body();
    }

    static String old(Authenticator who, String url) throws Exception {
        Authenticator.setDefault(who);
        HttpURLConnection connection = (HttpURLConnection) URI.create(url).toURL().openConnection();
        try (InputStream content = connection.getInputStream()) {
            return new String(content.readAllBytes());
        }
    }
}
