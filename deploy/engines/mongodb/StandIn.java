import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import java.util.List;

/** A server of the MongoDB protocol that keeps its data in one H2 file: `StandIn PORT FILE`, on loopback only. */
public class StandIn {
    /** The versions it knows by itself are older than those the drivers still accept. */
    private static final MongoVersion FIVE = new MongoVersion() {
        @Override public List<Integer> getVersionArray() { return List.of(5, 0, 0); }
        @Override public int getWireVersion() { return 13; }
    };

    public static void main(String[] arguments) throws InterruptedException {
        H2Backend backend = new H2Backend(arguments[1]);
        backend.version(FIVE);
        MongoServer server = new MongoServer(backend);
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdown));
        server.bind("127.0.0.1", Integer.parseInt(arguments[0]));
        Thread.currentThread().join();
    }
}
