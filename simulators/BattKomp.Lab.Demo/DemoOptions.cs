using System.Globalization;

namespace BattKomp.Lab.Demo;

/// <summary>Something the demo cannot go on without; the message says what and the remedy.</summary>
public class DemoException(string message) : Exception(message);

/// <summary>The server cannot answer now and says so (503): asked again later.</summary>
public sealed class DemoUnavailableException(string message) : DemoException(message);

/// <summary>How the demo is called.</summary>
public sealed record DemoOptions
{
    /// <summary>Play the scenario and end.</summary>
    public bool Once { get; init; }

    /// <summary>Where the scenario leaves the pulled dataset and demo.json.</summary>
    public string Out { get; init; } = "demo-out";

    /// <summary>Recorded vendor file that the MQTT cycler replays; empty = its cell model.</summary>
    public string Replay { get; init; } = "";

    /// <summary>Lab seconds per machine second.</summary>
    public double Speed { get; init; } = 60;

    /// <summary>Folder of the lab's files; empty = a temporary one, removed at the end.</summary>
    public string Data { get; init; } = "";

    /// <summary>Cycles that the cycler's cell model goes through when it replays nothing.</summary>
    public int Cycles { get; init; } = 20;

    /// <summary>The rigs; null = all of the demo's.</summary>
    internal IReadOnlyList<DemoBench>? Benches { get; init; }

    /// <summary>Port of a broker that stands outside the agent; 0 = the agent hosts one.</summary>
    internal int BrokerPort { get; init; }

    /// <summary>Folder of the server's data alone; empty = beside the rest.</summary>
    internal string ServerData { get; init; } = "";

    /// <summary>More arguments of the server.</summary>
    internal IReadOnlyList<string> ServerArguments { get; init; } = [];

    /// <summary>Runs the agent of a configuration file in another way than as a process; the result ends it.</summary>
    internal Func<string, Task<IAsyncDisposable>>? AgentRunner { get; init; }

    /// <summary>How to call it.</summary>
    public const string Usage =
        """
        usage: battlab-demo [--speed N] [--data DIR] [--replay FILE]
               battlab-demo --once --out DIR [--replay FILE] [--speed N] [--data DIR]

        Without --once the whole lab runs until Ctrl-C. With --once it plays the scenario, pulls the dataset into DIR and exits 0.
        --speed: lab seconds per machine second (default 60). --replay: a hierarchical Neware CSV export that the MQTT cycler replays.
        --data: keep the lab's files in DIR (default: a temporary folder, removed at the end).
        """;

    /// <summary>Reads the arguments; null with <paramref name="mistake"/> set when they cannot be used.</summary>
    public static DemoOptions? Parse(string[] args, out string mistake)
    {
        var options = new DemoOptions();
        mistake = "";
        for (var i = 0; i < args.Length; i++)
        {
            if (args[i] is "--help" or "-h") return Refuse(Usage, out mistake);
            if (args[i] == "--once")
            {
                options = options with { Once = true };
                continue;
            }
            if (args[i] is not ("--out" or "--replay" or "--speed" or "--data")) return Refuse($"'{args[i]}' is not an option here.\n{Usage}", out mistake);
            if (i + 1 == args.Length) return Refuse($"{args[i]} needs a value.\n{Usage}", out mistake);
            var (name, value) = (args[i], args[++i]);
            if (name == "--speed" && !(double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var n) && n is >= 1 and <= 1e7))
                return Refuse($"--speed '{value}' must be a number from 1 to 10000000.", out mistake);
            if (name == "--replay" && !File.Exists(value)) return Refuse($"--replay '{value}' does not exist; name a hierarchical Neware CSV export.", out mistake);
            options = name switch
            {
                "--out" => options with { Out = value },
                "--replay" => options with { Replay = Path.GetFullPath(value) },
                "--data" => options with { Data = Path.GetFullPath(value) },
                _ => options with { Speed = double.Parse(value, CultureInfo.InvariantCulture) },
            };
        }
        return options;
    }

    private static DemoOptions? Refuse(string why, out string mistake)
    {
        mistake = why;
        return null;
    }
}
