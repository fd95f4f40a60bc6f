using System.CommandLine;
using BattKomp.Lab.Cli.Output;

namespace BattKomp.Lab.Cli;

/// <summary>The options every command has, and how a command runs under them.</summary>
internal sealed class Globals(CliHost host)
{
    /// <summary>gRPC address of the server.</summary>
    public Option<string?> Server { get; } = new("--server")
    {
        Description = "gRPC address of the server, e.g. http://127.0.0.1:5081 (else BATTLAB_SERVER)",
        Recursive = true,
    };

    /// <summary>Access token of a person.</summary>
    public Option<string?> Token { get; } = new("--token")
    {
        Description = "your access token (else BATTLAB_TOKEN, which keeps it out of the process list)",
        Recursive = true,
    };

    /// <summary>Machine-readable answers.</summary>
    public Option<bool> Json { get; } = new("--json")
    {
        Description = "print one JSON document on stdout and nothing else (watching: one object a line)",
        Recursive = true,
    };

    /// <summary>Gives a command its body.</summary>
    public void Run(Command command, Func<Session, Task> body) => command.SetAction(async (parsed, cancel) =>
    {
        using var session = new Session(host, this, parsed, cancel);
        await body(session);
        return ExitCodes.Ok;
    });
}

/// <summary>One run of one command.</summary>
internal sealed class Session(CliHost host, Globals globals, ParseResult parsed, CancellationToken cancel) : IDisposable
{
    private Connection? _connection;

    /// <summary>Where answers go.</summary>
    public Report Report { get; } = new(host, parsed.GetValue(globals.Json));

    /// <summary>The world outside.</summary>
    public CliHost Host => host;

    /// <summary>Ctrl-C.</summary>
    public CancellationToken Cancel => cancel;

    /// <summary>The server, opened at first use.</summary>
    /// <exception cref="CliException">Address or token is missing or malformed.</exception>
    public Connection Connection => _connection ??= Connection.Open(host, Report, parsed.GetValue(globals.Server), parsed.GetValue(globals.Token));

    /// <summary>The value of an option; null or default when it was not given.</summary>
    public T? Get<T>(Option<T> option) => parsed.GetValue(option);

    /// <summary>The value of an argument.</summary>
    public T Get<T>(Argument<T> argument) => parsed.GetRequiredValue(argument);

    /// <inheritdoc/>
    public void Dispose() => _connection?.Dispose();
}
