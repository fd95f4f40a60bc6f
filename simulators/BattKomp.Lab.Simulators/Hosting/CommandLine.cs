using System.Globalization;
using BattKomp.Lab.Simulators.Instruments;
using BattKomp.Lab.Simulators.Instruments.Mqtt;

namespace BattKomp.Lab.Simulators.Hosting;

/// <summary>The command line of <c>battlab-sim</c>.</summary>
/// <param name="Config">What to run.</param>
/// <param name="StatsPath">Where to keep the stats file; null = nowhere.</param>
public sealed record CommandLine(SimulatorConfig Config, string? StatsPath)
{
    /// <summary>How to call it.</summary>
    public const string Usage =
        """
        battlab-sim --config FILE [--stats FILE]
        battlab-sim TYPE [--id SIM-…] [--link PATH | --listen ADDRESS:PORT] [--speed N] [--seed N] [--stats FILE]
        battlab-sim mqtt-cycler [--id SIM-CYC-1] [--broker HOST:PORT] [--replay FILE] [--start RUN] [--speed N] [--seed N] [--stats FILE]

        Runs until SIGTERM or Ctrl-C. Prints one JSON line when the instruments are up. Types and the configuration file are described in simulators/README.md.
        """;

    /// <summary>Reads the arguments.</summary>
    /// <exception cref="ConfigException">When they cannot be used; names the argument and the remedy.</exception>
    public static CommandLine Parse(IReadOnlyList<string> args)
    {
        var type = args.Count > 0 && !args[0].StartsWith('-') ? args[0] : null;
        var options = Options(args.Skip(type is null ? 0 : 1).ToList());
        var stats = Take(options, "--stats");
        var file = Take(options, "--config");
        if (file is null && type is null) throw new ConfigException("name what to run: --config FILE, mqtt-cycler, or a device such as ebc-a20");
        if (file is not null && type is not null) throw new ConfigException("--config already lists the instruments; leave the instrument type out");
        var config = file is not null ? SimulatorConfig.Load(file) : One(type!, options);
        if (options.Count > 0) throw new ConfigException($"{options.Keys.First()} is not an option here; see --help");
        return new CommandLine(config, stats);
    }

    private static SimulatorConfig One(string type, Dictionary<string, string> options)
    {
        var serial = type != InstrumentConfig.MqttCycler;
        var config = new SimulatorConfig
        {
            Speed = Number(options, "--speed") ?? 1,
            Instruments =
            [
                new InstrumentConfig
                {
                    Type = type,
                    Id = Take(options, "--id") ?? (serial ? DeviceRegistry.Find(type)?.DefaultId ?? "SIM-1" : "SIM-CYC-1"),
                    Seed = (int)(Number(options, "--seed") ?? 0),
                    Link = serial ? Take(options, "--link") : null,
                    Listen = serial ? Take(options, "--listen") : null,
                    Broker = serial ? new BrokerOptions() : Broker(Take(options, "--broker")),
                    Replay = serial ? null : Take(options, "--replay"),
                    Autostart = serial ? null : Take(options, "--start"),
                },
            ],
        };
        config.Check();
        return config;
    }

    private static Dictionary<string, string> Options(List<string> args)
    {
        var options = new Dictionary<string, string>();
        for (var i = 0; i < args.Count; i += 2)
        {
            if (!args[i].StartsWith("--", StringComparison.Ordinal)) throw new ConfigException($"'{args[i]}' is not an option; see --help");
            if (i + 1 == args.Count) throw new ConfigException($"{args[i]} needs a value");
            if (!options.TryAdd(args[i], args[i + 1])) throw new ConfigException($"{args[i]} is given twice");
        }
        return options;
    }

    private static string? Take(Dictionary<string, string> options, string name) => options.Remove(name, out var value) ? value : null;

    private static double? Number(Dictionary<string, string> options, string name)
    {
        var text = Take(options, name);
        if (text is null) return null;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new ConfigException($"{name} '{text}' is not a number");
    }

    private static BrokerOptions Broker(string? address)
    {
        if (address is null) return new BrokerOptions();
        var colon = address.LastIndexOf(':');
        return colon > 0 && int.TryParse(address[(colon + 1)..], out var port)
            ? new BrokerOptions { Host = address[..colon], Port = port }
            : throw new ConfigException($"--broker '{address}' is not HOST:PORT");
    }
}
