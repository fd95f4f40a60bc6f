namespace BattKomp.Lab.Cli.Commands;

/// <summary>Resource names as people type them.</summary>
internal static class Names
{
    /// <summary>"ebc-1" and "rigs/ebc-1" both mean rigs/ebc-1; longer names stay as they are.</summary>
    public static string Full(string typed, string collection) => typed.Contains('/') ? typed : $"{collection}/{typed}";

    /// <summary>A fresh id for a change, so that a repeated delivery of the same call does it once.</summary>
    public static string NewRequestId() => Guid.NewGuid().ToString();
}
