using System.Text;

namespace BattKomp.Lab.Cli;

/// <summary>What the program touches outside itself; tests hand in their own.</summary>
/// <param name="Out">Answers: text, or JSON and nothing else.</param>
/// <param name="Error">Refusals as text, notes and progress.</param>
/// <param name="ErrorIsTerminal">Progress bars only where a person looks.</param>
/// <param name="Environment">BATTLAB_SERVER and BATTLAB_TOKEN.</param>
/// <param name="Time">Machine time, for relative times and deadlines.</param>
public sealed record CliHost(TextWriter Out, TextWriter Error, bool ErrorIsTerminal, Func<string, string?> Environment, TimeProvider Time)
{
    /// <summary>What is piped in.</summary>
    public TextReader In { get; init; } = TextReader.Null;

    /// <summary>The real streams, UTF-8 on every system.</summary>
    public static CliHost OfThisProcess()
    {
        Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        return new CliHost(Console.Out, Console.Error, !Console.IsErrorRedirected, System.Environment.GetEnvironmentVariable, TimeProvider.System)
        {
            In = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)),
        };
    }
}
