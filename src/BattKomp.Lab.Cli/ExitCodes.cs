namespace BattKomp.Lab.Cli;

/// <summary>What the caller's shell learns.</summary>
public static class ExitCodes
{
    /// <summary>Done.</summary>
    public const int Ok = 0;

    /// <summary>Refused by the server or a rule, or invalid: repeating it unchanged gives the same.</summary>
    public const int Refused = 1;

    /// <summary>A file could not be read for what it is, or the server could not be reached or could not answer.</summary>
    public const int Unreachable = 2;
}
