using System.Diagnostics;
using System.Text.Json;
using BattKomp.Lab.Cli;
using Xunit;

namespace BattKomp.Lab.Tests.Cli;

/// <summary>What a command left behind.</summary>
/// <param name="Exit">Exit code.</param>
/// <param name="Out">Standard output.</param>
/// <param name="Error">Standard error.</param>
public sealed record Ran(int Exit, string Out, string Error)
{
    /// <summary>Standard output as the one JSON document it must be.</summary>
    public JsonElement Json
    {
        get
        {
            try
            {
                using var document = JsonDocument.Parse(Out);
                return document.RootElement.Clone();
            }
            catch (JsonException e)
            {
                throw new InvalidDataException($"not one JSON document: {e.Message}\n{Out}\n{Error}", e);
            }
        }
    }

    /// <summary>The error object of a refused command.</summary>
    public JsonElement Failure => Json.GetProperty("error");

    /// <summary>Both streams with every run of blanks as one, so that a test reads sentences across wrapped lines.</summary>
    public string Text => string.Join(' ', (Out + " " + Error).Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries));
}

/// <summary>Runs battlab, in this process or as the built program.</summary>
public static class Battlab
{
    /// <summary>In this process with something piped in.</summary>
    public static Task<Ran> PipeAsync(string input, params string[] args) => RunAsync(null, new StringReader(input), args);

    /// <summary>In this process: quick, the same code from the command line down.</summary>
    public static Task<Ran> RunAsync(IReadOnlyDictionary<string, string>? environment, params string[] args) => RunAsync(environment, TextReader.Null, args);

    private static async Task<Ran> RunAsync(IReadOnlyDictionary<string, string>? environment, TextReader input, string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var host = new CliHost(output, error, ErrorIsTerminal: false, name => environment?.GetValueOrDefault(name), TimeProvider.System) { In = input };
        var exit = await CliApplication.RunAsync(args, host, TestContext.Current.CancellationToken);
        return new Ran(exit, output.ToString(), error.ToString());
    }

    /// <summary>In this process with a server and a token.</summary>
    public static Task<Ran> AsAsync(string server, string token, params string[] args) =>
        RunAsync(new Dictionary<string, string> { ["BATTLAB_SERVER"] = server, ["BATTLAB_TOKEN"] = token }, args);

    /// <summary>The built program as a child process, found beside the tests.</summary>
    public static async Task<Ran> StartAsync(params string[] args)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        // Beside the tests stand only the libraries that no shared framework brings, so the program gets the tests' frameworks.
        string[] program = ["exec", "--runtimeconfig", Beside("BattKomp.Lab.Tests.runtimeconfig.json"), "--depsfile", Beside("battlab.deps.json"), Beside("battlab.dll")];
        foreach (var arg in program) start.ArgumentList.Add(arg);
        foreach (var arg in args) start.ArgumentList.Add(arg);
        start.Environment.Remove("BATTLAB_SERVER");
        start.Environment.Remove("BATTLAB_TOKEN");
        using var process = Process.Start(start)!;
        var cancel = TestContext.Current.CancellationToken;
        var output = process.StandardOutput.ReadToEndAsync(cancel);
        var error = process.StandardError.ReadToEndAsync(cancel);
        await process.WaitForExitAsync(cancel);
        return new Ran(process.ExitCode, await output, await error);
    }

    private static string Beside(string file) => Path.Combine(AppContext.BaseDirectory, file);
}
