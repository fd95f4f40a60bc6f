using BattKomp.Lab.Cli.Output;

namespace BattKomp.Lab.Cli;

/// <summary>Carries a <see cref="Output.Failure"/> to the one place that prints it.</summary>
internal sealed class CliException(Failure failure, Exception? inner = null) : Exception(failure.Message, inner)
{
    /// <summary>What to print, and the exit code.</summary>
    public Failure Failure { get; } = failure;

    /// <summary>Something given on the command line cannot be used.</summary>
    public static CliException Invalid(string reason, string message, string remedy = "") =>
        new(new Failure(ExitCodes.Refused, reason, message) { Remedy = remedy });
}
