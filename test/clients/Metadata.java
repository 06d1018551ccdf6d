import java.sql.Array;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Types;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What Tableau, Metabase and their like learn of recseq through JDBC, and what they then send: the functions and views with
 * their columns, types and remarks; prepared statements with arrays; rows fetched in pieces. Prints a line a check.
 */
public class Metadata {
    private static final String KIT = "retailrocket";
    private static final Map<String, String> VIEWS = Map.of(
        "recseq_models", "public", "recseq_model_metrics", "public",
        "recommendations", KIT, "sequence_statistics", KIT, "sequence_lengths", KIT, "item_popularity", KIT, "events_by_day", KIT);
    /** More executions than the driver needs to prepare a statement on the server, and the server to make a generic plan. */
    private static final int EXECUTIONS = 20;

    private static boolean failed;

    private static void is(Object got, Object expected, String title) {
        boolean passed = expected.equals(got);
        System.out.println((passed ? "ok " : "not ok ") + title);
        if (!passed) {
            System.err.println(title + ": it is " + got + ", not " + expected);
            failed = true;
        }
    }

    private static Connection connect() throws SQLException {
        String url = String.format("jdbc:postgresql://%s:%s/%s",
            System.getenv("PGHOST"), System.getenv("PGPORT"), System.getenv("PGDATABASE"));
        return DriverManager.getConnection(url, System.getenv("PGUSER"), System.getenv("PGPASSWORD"));
    }

    /** Of every form of a function, told apart by SPECIFIC_NAME: the columns of one kind, with their types. */
    private static Map<String, List<String>> functionColumns(DatabaseMetaData metadata, String function, int kind)
        throws SQLException {
        Map<String, List<String>> forms = new TreeMap<>();
        try (ResultSet columns = metadata.getFunctionColumns(null, "public", function, null)) {
            while (columns.next()) {
                if (columns.getInt("COLUMN_TYPE") == kind) {
                    forms.computeIfAbsent(columns.getString("SPECIFIC_NAME"), name -> new ArrayList<>())
                        .add(columns.getString("COLUMN_NAME") + " " + columns.getString("TYPE_NAME"));
                }
            }
        }
        return forms;
    }

    private static void functions(DatabaseMetaData metadata) throws SQLException {
        int recommend = 0;
        int described = 0;
        int all = 0;
        try (ResultSet functions = metadata.getFunctions(null, "public", "recseq\\_%")) {
            while (functions.next()) {
                all++;
                String remarks = functions.getString("REMARKS");
                described += remarks != null && !remarks.isEmpty() ? 1 : 0;
                recommend += functions.getString("FUNCTION_NAME").equals("recseq_recommend") ? 1 : 0;
            }
        }
        is(recommend, 4, "getFunctions: the four forms of recseq_recommend");
        is(described, all, "getFunctions: every function has its remarks");

        List<List<String>> arguments = new ArrayList<>(
            functionColumns(metadata, "recseq_recommend", DatabaseMetaData.functionColumnIn).values());
        is(arguments.stream().filter(form -> form.get(0).equals("items _int4") && form.get(1).equals("k int4")).count(), 1L,
            "getFunctionColumns: the arguments of recseq_recommend(integer[])");
        List<List<String>> columns = new ArrayList<>(
            functionColumns(metadata, "recseq_recommend", DatabaseMetaData.functionReturn).values());
        is(columns.stream().filter(form -> form.equals(List.of(
            "rank int4", "item int4", "category int4", "score float4", "confidence float4", "reason text", "reason_item int4"))).count(), 2L,
            "getFunctionColumns: the columns of recseq_recommend(integer[]) and (smallint[])");
        List<List<String>> similar = new ArrayList<>(
            functionColumns(metadata, "recseq_similar_items", DatabaseMetaData.functionReturn).values());
        is(similar.contains(List.of("rank int4", "item text", "category text", "similarity float4")), true,
            "getFunctionColumns: the columns of recseq_similar_items(text)");
    }

    private static void views(DatabaseMetaData metadata) throws SQLException {
        for (Map.Entry<String, String> view : new TreeMap<>(VIEWS).entrySet()) {
            String name = view.getKey();
            boolean described = false;
            try (ResultSet tables = metadata.getTables(null, view.getValue(), name, new String[] {"VIEW"})) {
                while (tables.next()) {
                    described = tables.getString("REMARKS") != null;
                }
            }
            is(described, true, "getTables: the view " + name + " with its remarks");

            Map<String, Integer> types = new LinkedHashMap<>();
            int remarks = 0;
            try (ResultSet columns = metadata.getColumns(null, view.getValue(), name, null)) {
                while (columns.next()) {
                    types.put(columns.getString("COLUMN_NAME"), columns.getInt("DATA_TYPE"));
                    remarks += columns.getString("REMARKS") != null ? 1 : 0;
                }
            }
            is(remarks > 0 && remarks == types.size(), true, "getColumns: every column of " + name + " has its remarks");
            if (!name.equals("recseq_models")) { // which has jsonb
                is(types.containsValue(Types.OTHER) || types.containsValue(Types.ARRAY), false,
                    "getColumns: " + name + " has only types that JDBC has a name for");
            }
        }
        is(columnType(metadata, "events_by_day", "day"), Types.DATE, "getColumns: a day is a date");
        is(columnType(metadata, "item_popularity", "last_time"), Types.TIMESTAMP, "getColumns: a time is a timestamp");
    }

    private static int columnType(DatabaseMetaData metadata, String table, String column) throws SQLException {
        try (ResultSet columns = metadata.getColumns(null, KIT, table, column)) {
            return columns.next() ? columns.getInt("DATA_TYPE") : Types.NULL;
        }
    }

    private static List<String> items(ResultSet answer) throws SQLException {
        List<String> items = new ArrayList<>();
        while (answer.next()) {
            items.add(answer.getString("item"));
        }
        return items;
    }

    private static void statements(Connection connection) throws SQLException {
        Integer[] history = {303, 303, 328, 328};
        List<String> expected;
        try (ResultSet answer = connection.createStatement().executeQuery(
            "SELECT item FROM recseq_recommend(ARRAY[303, 303, 328, 328]) ORDER BY rank")) {
            expected = items(answer);
        }
        is(expected.size(), 5, "five items");

        try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM recseq_recommend(?) ORDER BY rank")) {
            int same = 0;
            for (int i = 0; i < EXECUTIONS; i++) {
                Array array = connection.createArrayOf("int4", history);
                statement.setArray(1, array);
                try (ResultSet answer = statement.executeQuery()) {
                    same += items(answer).equals(expected) ? 1 : 0;
                }
            }
            is(same, EXECUTIONS, "a prepared statement with an int[], again and again");
            statement.setObject(1, new int[] {303, 303, 328, 328});
            try (ResultSet answer = statement.executeQuery()) {
                is(items(answer), expected, "an array of Java's own");
            }
            statement.setArray(1, connection.createArrayOf("int4", new Integer[0]));
            try (ResultSet answer = statement.executeQuery()) {
                answer.next();
                is(answer.getString("reason"), "popular", "an empty array");
            }
            statement.setArray(1, connection.createArrayOf("int8", new Long[] {303L, 303L, 328L, 328L}));
            try (ResultSet answer = statement.executeQuery()) {
                is(answer.getMetaData().getColumnTypeName(2), "int8", "a bigint[] is answered with bigint");
                is(items(answer), expected, "and with the same items");
            }
            statement.setArray(1, connection.createArrayOf("text", new String[] {"303", "303", "328", "328"}));
            try (ResultSet answer = statement.executeQuery()) {
                is(items(answer), expected, "a text[] too");
            }
        }

        try (PreparedStatement statement = connection.prepareStatement(
            "SELECT * FROM recseq_recommend(?::int[], k => ?, only_categories => ?)")) {
            ResultSetMetaData columns = statement.getMetaData();
            is(columns == null ? null : columns.getColumnName(4) + " " + columns.getColumnTypeName(4), "score float4",
                "the columns of an answer are known before it is asked for");
        }
        try (PreparedStatement statement = connection.prepareStatement("SELECT count(*) FROM recseq_similar_items(?, ?)")) {
            statement.setInt(1, 303);
            statement.setInt(2, 7);
            try (ResultSet answer = statement.executeQuery()) {
                answer.next();
                is(answer.getInt(1), 7, "recseq_similar_items with parameters");
            }
            statement.setShort(1, (short) 303);
            try (ResultSet answer = statement.executeQuery()) {
                answer.next();
                is(answer.getInt(1), 7, "and with a short");
            }
        }
    }

    /** As Tableau reads a view: in a transaction, some rows at a time. */
    private static void pieces(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        int rows = 0;
        try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM retailrocket.recommendations LIMIT 1000")) {
            statement.setFetchSize(100);
            try (ResultSet answer = statement.executeQuery()) {
                while (answer.next()) {
                    rows++;
                }
            }
        }
        connection.commit();
        is(rows, 1000, "a view, some rows at a time");
    }

    public static void main(String[] args) throws SQLException {
        try (Connection connection = connect()) {
            functions(connection.getMetaData());
            views(connection.getMetaData());
            statements(connection);
            pieces(connection);
        }
        if (failed) {
            System.exit(1);
        }
    }
}
