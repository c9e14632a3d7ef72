// The JDK's own client with its defaults: it offers h2c with each request in the clear.
// args: a client key, then URL and body in turn. Prints "version status body" of each answer, on one line.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

class FrontDoor {
    public static void main(String[] args) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        for (int at = 1; at < args.length; at += 2) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(args[at]))
                    .header("content-type", "application/json")
                    .header("authorization", "Bearer " + args[0])
                    .POST(HttpRequest.BodyPublishers.ofString(args[at + 1]))
                    .build();
            HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
            System.out.println(answer.version() + " " + answer.statusCode() + " " + answer.body().replace("\n", "\\n"));
        }
    }
}
